printf 'a file\n' > file
mkdir folder
seq 2000 > folder/numbers
ln file folder/hard
ln -s ../file folder/link
ln -s /etc/hostname absolute
printf 'x' > "$(printf 'bad\377\nname')"
printf 'long' > "$(printf '%0200d' 1)"
truncate -s 100K sparse
printf 'end' >> sparse
: > empty
printf 'odd' > odd
chown 1000:2000 odd
chmod 4750 odd
setfattr -n user.comment -v golden file
for path in file folder/numbers sparse empty odd "$(printf 'bad\377\nname')" "$(printf '%0200d' 1)"; do
  touch -d '2025-12-24 18:00:00.123456789Z' "$path"
done
touch -d '1955-11-05 06:15:00.5Z' empty
touch -h -d '2025-12-24 18:00:00Z' folder/link absolute
touch -d '2025-12-25 00:00:00Z' folder .
