#!/bin/sh
# Run a command with the secrets whose files are named: NAME_FILE=/run/secrets/x sets NAME to what that file holds.
# So no secret is in an image, in compose.yaml, in a command line or in what `docker inspect` shows.
set -eu
folder=${ABLATE_SECRETS:-/run/secrets}
for name in $(env | sed -n "s|^\([A-Z][A-Z0-9_]*\)_FILE=$folder/.*|\1|p"); do
  eval "file=\$${name}_FILE"
  [ -r "$file" ] || { echo "entrypoint: $file: this file of ${name}_FILE cannot be read; run docker/secrets.sh" >&2; exit 78; }
  value=$(cat "$file")
  export "$name=$value"
  unset "${name}_FILE"
done
exec "$@"
