"""What raters see and say, as JSON."""

from fastapi import APIRouter

router = APIRouter()
