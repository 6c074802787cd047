"""How tired somebody is: ratings, self-ratings and classes, each put onto [0, 1] by a stated rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

BORDER = 0.5  # a score of at least this is called fatigue, as in the published code (arXiv:2104.10420)
RATING_SCALE = (1.0, 5.0)
RATING_STEP = 0.5
KSS_SCALE = (1, 9)
# Ordered classes lie evenly on [0, 1]. "low vigilance" is the middle class of UTA-RLDD (Ghoddoosian et al., CVPRW 2019).
CLASS_SCORES = {"alert": 0.0, "low vigilance": 0.5, "drowsy": 1.0, "fatigue": 1.0}


def is_rating(value: float) -> bool:
    """Whether a number is a rating of the published protocol: 1 to 5 in steps of 0.5 (arXiv:2104.10420)."""
    return RATING_SCALE[0] <= value <= RATING_SCALE[1] and (value / RATING_STEP).is_integer()


def score_from_ratings(ratings: Sequence[float]) -> float:
    """The published label of a recording: (mean rating − 1) / 4 (arXiv:2104.10420).

    Args:
        ratings: At least one, each 1 to 5 in steps of 0.5.

    Returns:
        In [0, 1].

    Raises:
        ConfigurationError: No rating, or one that is none.
    """
    faults = [rating for rating in ratings if not is_rating(rating)]
    if faults or not ratings:
        raise ConfigurationError(f"the ratings are {list(ratings)}; each must be from 1 to 5 in steps of 0.5")
    return score_from_mean_rating(sum(ratings) / len(ratings))


def score_from_mean_rating(mean: float) -> float:
    """The score of a mean rating: (mean − 1) / 4 (arXiv:2104.10420).

    Args:
        mean: In [1, 5], of any fineness.

    Raises:
        ConfigurationError: It is out of range.
    """
    low, high = RATING_SCALE
    if not low <= mean <= high:
        raise ConfigurationError(f"the mean rating is {mean}; it must be from 1 to 5")
    return (mean - low) / (high - low)


def score_from_kss(kss: int) -> float:
    """The score of a self-rating on the Karolinska sleepiness scale: (KSS − 1) / 8.

    The scale ("Subjective and objective sleepiness in the active individual", Åkerstedt and Gillberg 1990) runs from 1,
    extremely alert, over 5, neither alert nor sleepy, to 9, fighting sleep. Its levels are laid evenly on [0, 1]: 5 is the
    border between the classes.

    Args:
        kss: A whole number from 1 to 9.

    Raises:
        ConfigurationError: It is out of range.
    """
    low, high = KSS_SCALE
    if not low <= kss <= high:
        raise ConfigurationError(f"the KSS is {kss}; it must be a whole number from 1 to 9")
    return (kss - low) / (high - low)


def score_from_class(name: str) -> float:
    """The score of a class label: alert 0, low vigilance 0.5, drowsy or fatigue 1.

    Args:
        name: The class, in any case, with spaces, hyphens or underscores.

    Raises:
        ConfigurationError: No such class.
    """
    known = " ".join(name.lower().replace("_", " ").replace("-", " ").split())
    if known not in CLASS_SCORES:
        raise ConfigurationError(f"the class is {name!r}; it must be one of {', '.join(CLASS_SCORES)}")
    return CLASS_SCORES[known]
