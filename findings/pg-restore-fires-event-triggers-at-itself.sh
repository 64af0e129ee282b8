#!/usr/bin/env bash
# PostgreSQL: a dump with an event trigger and a materialized view fires that trigger at itself while it is restored.
#
# Seen 2026-11-27 with PostgreSQL 15.20 (Debian 15.20-0+deb12u1); the same order of entries and the same end with 18.6.
#
# pg_dump puts event triggers behind all definitions and data, so that they do not fire on the restore's own
# statements - but REFRESH MATERIALIZED VIEW comes behind them still, and is a command that event triggers see:
#
#   EVENT TRIGGER - et                    (next to last)
#   MATERIALIZED VIEW DATA public m       (last)
#
#   1. A trigger that writes down every DDL command: the restored database has one row more than the dumped one,
#      "REFRESH MATERIALIZED VIEW". pg_restore ends with exit code 0 and no word; the plain format with psql as well.
#   2. A trigger that forbids DDL: `pg_restore --exit-on-error` ends with exit code 1 at that statement, always, also
#      into an empty database as superuser. The view stays unpopulated.
#   3. Without a materialized view, the same two triggers restore without either effect.
#   4. With a list (--use-list) that has the event triggers last, both restore as they were. From 17 on,
#      PGOPTIONS='-c event_triggers=off' does it as well.
#
# So a comparison of row counts after a restore, or a restore that must be without errors, fails for a healthy dump.
#
# Needs apt, and setpriv if run as root. Exit 0: as described. 1: it behaves otherwise now. 2: could not be tried.
set -u
want=15.20-0+deb12u1
dir=$(mktemp -d) || exit 2
cleanup() { [ -e "$dir/data/postmaster.pid" ] && kill -QUIT "$(head -n 1 "$dir/data/postmaster.pid")" 2>/dev/null; sleep 1; rm -rf "$dir"; }
trap cleanup EXIT
cd "$dir" || exit 2
mkdir debs root
(
  cd debs || exit
  apt-get -qq download "postgresql-15=$want" "postgresql-client-15=$want" "libpq5=$want" && exit
  major=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
  apt-get -qq download "postgresql-$major" "postgresql-client-$major" libpq5
) >/dev/null 2>&1
for deb in debs/*.deb; do [ -e "$deb" ] || { echo "no package could be had"; exit 2; }; dpkg -x "$deb" root; done
bin=$(echo "$dir"/root/usr/lib/postgresql/*/bin)
export LD_LIBRARY_PATH="$dir/root/usr/lib/$(uname -m)-linux-gnu" LC_ALL=C PGHOST=$dir PGUSER=owner PGDATABASE=postgres
version=$(dpkg-deb -f debs/postgresql-[0-9]*.deb Version) || exit 2
echo "postgresql package: $version"
[ "$version" = "$want" ] || echo "(not the version this was first seen with, $want)"

# The server refuses to run as root.
as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown -R 65534:65534 "$dir"
as "$bin/initdb" -D data -U owner -A trust --no-sync >initdb.log 2>&1 || { tail -n 3 initdb.log; exit 2; }
as "$bin/pg_ctl" -s -w -D data -l server.log -o "-c listen_addresses= -c unix_socket_directories=$dir -c fsync=off" start ||
  { tail -n 3 server.log; exit 2; }

bad=0
is() { printf '%-58s %s\n' "$1" "$2"; [ "$2" = "$3" ] || { echo "  expected: $3"; bad=1; }; }
ask() { "$bin/psql" -XAtq -d "$1" -c "$2"; }
make() { # DATABASE, body of the trigger's function, "view" or nothing
  ask postgres "CREATE DATABASE $1"
  "$bin/psql" -Xq -v ON_ERROR_STOP=1 -d "$1" <<SQL
CREATE TABLE t (i int); INSERT INTO t VALUES (1), (2);
$([ "$3" != view ] || echo "CREATE MATERIALIZED VIEW m AS SELECT * FROM t;")
CREATE TABLE ddl_log (tag text);
CREATE FUNCTION seen() RETURNS event_trigger LANGUAGE plpgsql AS \$\$ BEGIN $2; END \$\$;
CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION seen();
SQL
  "$bin/pg_dump" -Fc -f "$1.dump" "$1"; "$bin/pg_dump" -f "$1.sql" "$1"
  ask postgres "CREATE DATABASE $1_custom"; ask postgres "CREATE DATABASE $1_plain"
}
writes='INSERT INTO public.ddl_log VALUES (tg_tag)'
forbids="RAISE EXCEPTION 'no % here', tg_tag"

make audit "$writes" view
is "last two entries of the dump" "$("$bin/pg_restore" -l audit.dump | tail -n 2 | sed 's/^[0-9]*; [0-9]* [0-9]* \([A-Z ]*\) .*/\1/; s/ [^A-Z]*$//' | paste -sd, -)" "EVENT TRIGGER,MATERIALIZED VIEW DATA"
"$bin/pg_restore" --exit-on-error -d audit_custom audit.dump; is "1. trigger that writes, pg_restore: exit code" $? 0
is "   rows in the source" "$(ask audit 'SELECT count(*) FROM ddl_log')" 0
is "   rows in the restored" "$(ask audit_custom "SELECT count(*), string_agg(tag, ',') FROM ddl_log")" "1|REFRESH MATERIALIZED VIEW"
"$bin/psql" -Xq -v ON_ERROR_STOP=1 -d audit_plain -f audit.sql >/dev/null; is "   plain format, psql: exit code" $? 0
is "   rows in the restored" "$(ask audit_plain 'SELECT count(*) FROM ddl_log')" 1

make guard "$forbids" view
"$bin/pg_restore" --exit-on-error -d guard_custom guard.dump 2>said; is "2. trigger that forbids, pg_restore: exit code" $? 1
is "   says" "$(sed -n 's/.*ERROR: *//p' said | head -n 1)" "no REFRESH MATERIALIZED VIEW here"
is "   the view is populated" "$(ask guard_custom "SELECT relispopulated FROM pg_class WHERE relname = 'm'")" f

make audit3 "$writes" none; make guard3 "$forbids" none
"$bin/pg_restore" --exit-on-error -d audit3_custom audit3.dump; is "3. no view, trigger that writes: exit code" $? 0
is "   rows in the restored" "$(ask audit3_custom 'SELECT count(*) FROM ddl_log')" 0
"$bin/pg_restore" --exit-on-error -d guard3_custom guard3.dump; is "   no view, trigger that forbids: exit code" $? 0
for each in audit guard; do
  "$bin/pg_restore" -l "$each.dump" >list
  awk '/ EVENT TRIGGER /{last = last $0 "\n"; next} {print} END {printf "%s", last}' list >order
  ask postgres "CREATE DATABASE ${each}_order"
  "$bin/pg_restore" --exit-on-error --use-list=order -d "${each}_order" "$each.dump"; is "4. $each, event triggers last: exit code" $? 0
done
is "   rows in the restored" "$(ask audit_order 'SELECT count(*) FROM ddl_log')" 0
is "   the view is populated" "$(ask guard_order "SELECT relispopulated FROM pg_class WHERE relname = 'm'")" t
[ $bad = 0 ] && echo "as described" || echo "NOT as described any more"
exit $bad
