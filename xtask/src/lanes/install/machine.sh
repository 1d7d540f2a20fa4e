#!/bin/sh
# A machine to install on: this one in namespaces of its own, so that nothing that is done to it stays. Becomes its sshd.
# $1: directory of the lane, $2: port, $3: password
set -eu
mount -t tmpfs tmpfs /mnt
for dir in etc usr/local var opt; do
  name=$(echo "$dir" | tr / -)
  mkdir -p "/mnt/$name/upper" "/mnt/$name/work"
  mount -t overlay overlay -o "lowerdir=/$dir,upperdir=/mnt/$name/upper,workdir=/mnt/$name/work" "/$dir"
done
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /home
mkdir -p /run/sshd /opt/full
# Room enough by what df says, and not for one more file.
mount -t tmpfs -o size=4g,nr_inodes=1 tmpfs /opt/full
cp "$1/systemctl" /usr/local/bin/systemctl
chmod 755 /usr/local/bin/systemctl
for user in jane john; do
  useradd -m -s /bin/sh "$user"
  echo "$user:$3" | chpasswd
done
printf 'Defaults requiretty, use_pty, timestamp_timeout=0\njane ALL=(ALL:ALL) ALL\n' >/etc/sudoers.d/jane
chmod 440 /etc/sudoers.d/jane
exec "$(command -v sshd)" -D -e -f /dev/null -p "$2" -h "$1/host_key" -o ListenAddress=127.0.0.1 -o UsePAM=no \
  -o PasswordAuthentication=yes -o PidFile=none -o MaxStartups=100 -o StrictModes=no
