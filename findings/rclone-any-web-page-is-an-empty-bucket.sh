#!/usr/bin/env bash
# rclone's s3 backend takes any answer of 200 for an S3 answer: a web server in the place of S3 is an empty bucket.
#
# Seen in November 2026 with Debian's rclone 1.75.2-2 and a server that answers every request with 200 and a page of HTML,
# as the login page of a router, a parking page or a wrong port of the right host does:
#
#   lsjson  of the bucket                   exit 0, "[]": nothing says that this is no S3
#   lsjson --stat of any name               exit 0, an object of that name, its size that of the page
#   lsf     of the same name                exit 0, nothing listed
#
# So "the bucket answers and is empty" proves nothing about an endpoint. What tells: ask for a name that nobody can have.
#
# Needs apt and python3. Exit 0: as described. 1: it behaves otherwise now. 2: could not be tried.
set -u
want=1.75.2-2
dir=$(mktemp -d) || exit 2
trap 'kill "${server:-}" 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 2
# A private apt that also knows Debian's sid, from the mirror this machine uses; nothing of the machine changes.
mkdir -p debs root apt/lists/partial apt/cache/archives/partial
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 '/debian/\?$')
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-no-mirror:} sid main" >apt/sources.list
apt() { apt-get -qq -o Dir::Etc::sourcelist="$dir/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$dir/apt/lists" \
  -o Dir::Cache="$dir/apt/cache" -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"; }
apt update >/dev/null 2>&1
(cd debs && { apt download "rclone=$want" || apt download rclone || apt-get -qq download rclone; }) >/dev/null 2>&1
for deb in debs/*.deb; do [ -e "$deb" ] || { echo "no package could be had"; exit 2; }; dpkg -x "$deb" root; done
version=$(dpkg-deb -f debs/*.deb Version)
echo "rclone package: $version"
[ "$version" = "$want" ] || echo "(not the version this was first seen with, $want)"

cat >server.py <<'PY'
from http.server import BaseHTTPRequestHandler, HTTPServer
PAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>It works.</body></html>\n"
class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(PAGE)
    do_HEAD = do_GET
    def log_message(self, *words):
        pass
server = HTTPServer(("127.0.0.1", 0), Page)
print(server.server_port, flush=True)
server.serve_forever()
PY
mkfifo port
python3 server.py >port &
server=$!
read -r number <port

export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_R_TYPE=s3 RCLONE_CONFIG_R_PROVIDER=Other RCLONE_CONFIG_R_ACCESS_KEY_ID=key \
  RCLONE_CONFIG_R_SECRET_ACCESS_KEY=secret RCLONE_CONFIG_R_ENDPOINT="http://127.0.0.1:$number"
bad=0
is() { printf '%-44s %s\n' "$1" "$2"; [ "$2" = "$3" ] || { echo "  expected: $3"; bad=1; }; }
rclone() { timeout 60 root/usr/bin/rclone --retries 1 "$@" 2>said; }
rclone lsjson r:bucket >out; is "lsjson of the bucket: exit" $? 0
is "   what it lists" "$(tr -d '\n' <out)" "[]"
rclone lsjson --stat r:bucket/never-stored >out; is "lsjson --stat of a name never stored: exit" $? 0
is "   it is there, with the size of the page" "$(grep -o '"Size": *[0-9]*' out | tr -dc 0-9)" "$(python3 -c 'import re; print(len(eval(re.search("PAGE = (.*)", open("server.py").read())[1])))')"
rclone lsf r:bucket/never-stored >out; is "lsf of the same name: exit" $? 0
is "   what it lists" "$(cat out)" ""
[ $bad = 0 ] && echo "as described" || echo "NOT as described any more"
exit $bad
