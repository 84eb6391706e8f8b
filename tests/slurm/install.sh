#!/usr/bin/env bash
# Installs Debian's SLURM for the tests, as root; where that is not possible, the tests that need it are skipped.
command -v munged slurmctld slurmd sbatch > /dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
packages="munge slurmctld slurmd slurm-client"
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
  { apt-get install -y --no-install-recommends $packages || { apt-get update && apt-get install -y --no-install-recommends $packages; }; } > /dev/null 2>&1 && exit 0
fi
echo "SLURM cannot be installed here: the tests that need it are skipped" >&2
