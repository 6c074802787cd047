"""Videos and stills."""

from fastapi import APIRouter

router = APIRouter()
