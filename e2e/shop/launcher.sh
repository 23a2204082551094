#!/bin/sh
# The service behind, nginx in front. nginx is process 1: when it is told to end, the container ends.
set -eu
python3 /usr/lib/shop/service.py &
exec nginx -e /dev/stderr -c /usr/lib/shop/nginx.conf
