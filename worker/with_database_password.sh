#!/bin/sh
# Gives libpq the database password from its secret file, so that it stands in no environment, and runs the command.
set -eu
umask 077
printf 'database:5432:twinvault:twinvault:%s\n' "$(cat /run/secrets/database_password)" > "$PGPASSFILE"
exec "$@"
