#!/bin/sh
# image.sh - npm run image: builds lifeboat:dev, with or without a registry.
. "$(dirname "$0")/common.sh"
trap 'sh "$ground/release.sh"' EXIT
sh "$ground/prepare.sh" modules engine image
