"""New recordings looked at as soon as they are there, in a process of their own that may die without harm.

examine    what can be said of one video: length, face, light, sound
sound      how loud it is                    plain       a file that can be played from anywhere, and tells no more
playable   what browsers play, and a copy of what they do not
queue      which recording is next, and what was found, in the database
process    where videos are decoded          checkers    starts, watches and restarts those processes
"""

from facefatigue.studio.checking.checkers import Checkers
from facefatigue.studio.checking.examine import Examination, Finding, Lengths, examine

__all__ = ["Checkers", "Examination", "Finding", "Lengths", "examine"]
