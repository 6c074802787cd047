"""The two lists of a run, checked together before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefatigue.data.clip_list import ClipList, check_rate, check_trainable, read_lists
from facefatigue.data.leaks import leaks
from facefatigue.data.rows import FaultsError
from facefatigue.errors import ConfigurationError
from facefatigue.train.frames import refuse_unknown, statistics_of
from facefatigue.train.people import People, people_of

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.train.frames import FrameStatistics
    from facefatigue.train.settings import TrainSettings

Lists = tuple[ClipList, ClipList]


def checked_lists(
    train_list: str | Path | ClipList, validation_list: str | Path | ClipList, settings: TrainSettings
) -> Lists:
    """Both lists: readable, of the form that the settings want, nobody in both.

    Args:
        train_list: A manifest or its folder, or a list already read.
        validation_list: Likewise.
        settings: Of the run.

    Raises:
        FaultsError: Something is wrong with a list; all faults are in it.
        ConfigurationError: The clips have another rate, or one list is a path and the other was read.
    """
    spec = settings.clip_spec
    shape = spec.shape
    for place in (train_list, validation_list):
        every = place.every if isinstance(place, ClipList) else 1
        check_rate(place.path if isinstance(place, ClipList) else place, spec, every=every)
    if isinstance(train_list, ClipList) and isinstance(validation_list, ClipList):
        faults = leaks([(str(train_list), train_list), (str(validation_list), validation_list)])
        faults += [
            f"{clips} has clips of shape {clips.shape}, but the settings want {shape}"
            for clips in (train_list, validation_list)
            if clips.shape != shape
        ]
        if settings.auxiliary and train_list.auxiliary.shape[1] != len(settings.auxiliary):
            faults.append(f"{train_list} was read without the auxiliary targets {', '.join(settings.auxiliary)}")
        faults += [
            f"{clips} was read without the frame targets {', '.join(lacking)}"
            for clips in (train_list, validation_list)
            if (lacking := [name for name in settings.frame_targets if name not in clips.frame_targets])
        ]
        if faults:
            raise FaultsError("the lists of clips", faults)
        check_trainable(train_list)
        return train_list, validation_list
    if isinstance(train_list, ClipList) or isinstance(validation_list, ClipList):
        raise ConfigurationError("give both lists as paths, or both as lists that were read")
    return read_lists(
        train_list,
        validation_list,
        shape=shape,
        auxiliary=settings.auxiliary,
        frame_targets=settings.frame_targets,
    )


def frame_statistics(lists: Lists, settings: TrainSettings) -> tuple[FrameStatistics, FrameStatistics] | None:
    """Those of the frame targets of both lists, of the training list as it is augmented; None without frame targets.

    Args:
        lists: The training and the validation list.
        settings: Of the run.

    Raises:
        FaultsError: Of a target nothing is known.
    """
    names = settings.frame_targets
    if not names:
        return None
    training, validation = lists
    found = (
        statistics_of(training, names, augmentation=settings.augmentation, seed=settings.seed),
        statistics_of(validation, names),
    )
    refuse_unknown(list(zip(lists, found, strict=True)))
    return found


def checked_people(lists: Lists, settings: TrainSettings) -> People:
    """Who shapes the run's model.

    Args:
        lists: The training and the validation list.
        settings: Of the run.

    Raises:
        ConfigurationError: Somebody is in the validation list on whom the first weights were trained.
    """
    earlier = people_of((), (), settings.init)
    if seen := sorted(lists[1].subjects & earlier.train):
        raise ConfigurationError(
            f"the first weights ({settings.init}) were trained on {seen[0]!r}, who is in the validation list {lists[1]}"
            + (f", and on {len(seen) - 1} more of it" if len(seen) > 1 else "")
        )
    return people_of(lists[0].subjects, lists[1].subjects, settings.init)
