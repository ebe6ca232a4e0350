#!/bin/sh
# Make the passwords and tokens of compose.yaml, each in a file of docker/secrets; what exists is kept.
# The files can be read by every user of the containers, and the folder by its owner alone.
set -eu
umask 022
folder=$(dirname "$0")/secrets
mkdir -p "$folder"
chmod 700 "$folder"
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
for name in postgres_password s3_secret_key mlflow_flask_key mlflow_password mlflow_user_password ray_token; do
  [ -s "$folder/$name" ] || random >"$folder/$name"
done
if [ ! -s "$folder/s3.json" ]; then
  key='{"accessKey": "mlflow", "secretKey": "'$(cat "$folder/s3_secret_key")'"}'
  rights='["Admin", "Read", "Write", "List", "Tagging"]'
  echo '{"identities": [{"name": "mlflow", "credentials": ['"$key"'], "actions": '"$rights"'}]}' >"$folder/s3.json"
fi
