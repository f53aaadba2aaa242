"""A backup of a running site, and its restoring into an empty one. `making` and `restoring` are the two ways through.

    FOLDER/backup.json      the header, in the clear: format, date, counts, digest of the rows, the wrapped key that opens them
    FOLDER/rows/<id>        all rows as JSON lines, encrypted (twinvault/custody/stream.py)
    FOLDER/objects/<name>   ciphertext as it rests in the storage

The master keys are never in it. The header is replaced last and in one step, so a backup that was killed leaves the one before
it as it was.
"""
