"""A studio to build one's own fatigue data set: volunteers record, the studio checks, raters rate, `train` learns from it.

settings      where things lie, where it listens
database/     tables, migrations, transactions          vault         videos on disk, encrypted if a key is given
uploads       videos on their way, resumable             checking/     what is wrong with a new video
access        who may come in: links, passwords, cookies  audit        what was done, in a chain of hashes
people        volunteers, consent, withdrawal            study         the study's own settings
rating        who sees what next, and what they said     agreement     how far raters agree, live
tidying       files and rows kept in step                 erasure      the videos of those who withdrew
exchange/     manifest, split, data card, Label Studio   backup        all of it in one file, and back
web/          the pages and their JSON, over all of the above
"""
