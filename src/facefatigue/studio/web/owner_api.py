"""The owner's view of everything, as JSON."""

from fastapi import APIRouter

router = APIRouter()
