"""A volunteer's recordings, as JSON."""

from fastapi import APIRouter

router = APIRouter()
