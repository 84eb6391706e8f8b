#!/usr/bin/env bash
# Run the tests of two writers on a real NFS export, by two mounts that share no cache, as two nodes have it.
#
# It needs root on Debian, and no NFS: the packages are unpacked, not installed, and the server and its clients run in
# User Mode Linux, a kernel that is an ordinary process. With the environment active it takes some minutes per version.
set -euo pipefail
place=${NEPOTISM_NFS:-/tmp/nepotism-nfs}
packages="user-mode-linux nfs-kernel-server nfs-common rpcbind kmod libkmod2 libtirpc3 libtirpc-common
  libevent-core-2.1-7 libnfsidmap1 keyutils libwrap0 libnl-3-200 libnl-genl-3-200"

if [ $$ != 1 ]; then
  mkdir -p "$place/root" "$place/debs"
  if [ ! -x "$place/root/usr/bin/linux.uml" ]; then
    (cd "$place/debs" && apt-get download $packages)
    for package in "$place"/debs/*.deb; do dpkg -x "$package" "$place/root"; done
    ln -sf kmod "$place/root/bin/insmod"
  fi
  rm -f "$place/disk" "$place/passed"
  truncate -s 200M "$place/disk"
  mkfs.ext4 -q "$place/disk"
  # The new kernel sees this machine's files; it starts this script as its first process.
  "$place/root/usr/bin/linux.uml" mem=768M ubda="$place/disk" root=/dev/root rootfstype=hostfs rootflags=/ rw \
    init="$(realpath "$0")" con=null con0=null,fd:1 \
    NEPOTISM_NFS="$place" NEPOTISM_CHECKOUT="$PWD" NEPOTISM_PATH="$PATH" > "$place/kernel.txt" < /dev/null || true
  cat "$place/tests.txt"
  [ -e "$place/passed" ]
  exit
fi

exec > "$place/tests.txt" 2>&1
end() {
  sync
  python -c "import ctypes; ctypes.CDLL(None).reboot(0x4321FEDC)"
}
trap end EXIT
root=$place/root
export PATH=$root/usr/sbin:$root/sbin:$root/bin:$NEPOTISM_PATH HOME=/root
export LD_LIBRARY_PATH=$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu
mount -t proc proc /proc
for folder in /run /var/lib /mnt; do mount -t tmpfs tmpfs $folder; done
ip link set lo up
modules=$root/usr/lib/uml/modules/$(uname -r)/kernel
for module in net/sunrpc/sunrpc fs/netfs/netfs fs/fscache/fscache fs/nfs_common/grace fs/lockd/lockd \
  fs/nfs_common/nfs_acl lib/oid_registry net/sunrpc/auth_gss/auth_rpcgss net/dns_resolver/dns_resolver \
  fs/nfsd/nfsd fs/nfs/nfs fs/nfs/nfsv3 fs/nfs/nfsv4; do
  [ ! -e "$modules/$module.ko" ] || insmod "$modules/$module.ko"
done
{ cat /etc/passwd; echo "_rpc:x:0:0::/run/rpcbind:/bin/sh"; } > /run/passwd
mount --bind /run/passwd /etc/passwd
mkdir -p /run/rpcbind /var/lib/nfs/sm /var/lib/nfs/v4recovery /mnt/disk /mnt/older /mnt/newer
touch /var/lib/nfs/etab /var/lib/nfs/rmtab
mount -t ext4 /dev/ubda /mnt/disk
mount -t nfsd nfsd /proc/fs/nfsd
rpcbind
exportfs -o rw,no_root_squash,no_subtree_check,insecure,fsid=0 127.0.0.1:/mnt/disk || true  # It misses /etc/exports.
rpc.mountd
rpc.nfsd 4
cd "$NEPOTISM_CHECKOUT"
for version in 3:/mnt/disk 4.2:/; do
  for mount in /mnt/older /mnt/newer; do
    mount.nfs "127.0.0.1:${version#*:}" $mount -o "vers=${version%:*},nosharecache,nolock,hard"
  done
  grep " nfs4\? " /proc/mounts
  NEPOTISM_MOUNTS=/mnt/older:/mnt/newer python -B -m pytest -p no:cacheprovider -q tests/unit/test_fence.py
  umount /mnt/older /mnt/newer
done
touch "$place/passed"
