#!/bin/sh
# Prepares this computer for the nodes before their programs start, and restores its earlier state. Run it as root.
#
#   node.sh prepare FOLDER BRIDGE GATEWAY
#   node.sh node FOLDER BRIDGE GATEWAY NAME ADDRESS PODS ALL_PODS [PODS ADDRESS of another node]...
#   node.sh clean FOLDER BRIDGE
#
# `clean` may run twice or stop halfway. It also runs before a start, to remove the leftovers of a killed run.
set -u
action=$1 folder=$2 bridge=$3
prefix=atto-e2e
# The kubelet changes these settings. All network settings are in the nodes' own namespaces.
settings='vm/overcommit_memory kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes'

prepare() {
    set -e
    gateway=$1
    mkdir -p "$folder"
    for setting in $settings; do
        [ ! -f "/proc/sys/$setting" ] || echo "$setting $(cat "/proc/sys/$setting")"
    done >"$folder/settings"
    # The API server listens on the bridge, which no other computer can reach.
    ip link add "$bridge" type bridge
    ip address add "$gateway/24" dev "$bridge"
    ip link set "$bridge" up
    # NetworkPolicies between pods of one node are enforced only if their bridge passes packets to iptables.
    [ -d /proc/sys/net/bridge ] || modprobe br_netfilter || true
}

node() {
    set -e
    gateway=$1 name=$2 address=$3 pods=$4 all_pods=$5
    shift 5
    own=$folder/$name
    socket=$own/containerd/containerd.sock
    network=$prefix-$name
    cgroup=/$prefix-$name
    mkdir -p "$own/containerd" "$own/cni" "$own/kubelet"

    ip netns add "$network"
    ip link add "$network" type veth peer name eth0 netns "$network"
    ip link set "$network" master "$bridge" up
    ip -n "$network" link set lo up
    ip -n "$network" address add "$address/24" dev eth0
    ip -n "$network" link set eth0 up
    ip -n "$network" route add default via "$gateway"
    ip route add "$pods" via "$address"
    while [ $# -gt 0 ]; do
        ip -n "$network" route add "$1" via "$2"
        shift 2
    done
    for setting in net/ipv4/ip_forward net/bridge/bridge-nf-call-iptables; do
        [ ! -f "/proc/sys/$setting" ] || nsenter --net="/run/netns/$network" sh -c "echo 1 >/proc/sys/$setting"
    done

    if [ -d /sys/fs/cgroup/cpuset ]; then
        for controller in cpu cpuacct cpuset memory devices freezer blkio pids systemd; do
            mkdir -p "/sys/fs/cgroup/$controller$cgroup"
        done
        for file in cpus mems; do
            cat "/sys/fs/cgroup/cpuset/cpuset.$file" >"/sys/fs/cgroup/cpuset$cgroup/cpuset.$file"
        done
    else
        mkdir -p "/sys/fs/cgroup$cgroup"
    fi
    cat >"$own/cni/10-bridge.conflist" <<EOF
{"cniVersion": "1.0.0", "name": "atto-e2e", "plugins": [
  {"type": "bridge", "bridge": "pods", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$own/cni-addresses", "ranges": [[{"subnet": "$pods"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}}]}
EOF
    cat >"$own/containerd/config.toml" <<EOF
version = 2
root = "$own/containerd/root"
state = "$own/containerd/state"
oom_score = 0
[grpc]
  address = "$socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:e2e"
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$own/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
EOF
    cat >"$own/kubelet.yaml" <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $address
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $own/ca.crt}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://$socket
cgroupDriver: cgroupfs
cgroupRoot: $cgroup
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
maxOpenFiles: 20000
makeIPTablesUtilChains: false
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%}
port: 10250
healthzPort: 0
syncFrequency: 10s
nodeStatusUpdateFrequency: 5s
shutdownGracePeriod: 0s
volumePluginDir: $own/volumeplugins
podLogsDir: $own/podlogs
EOF
    cat >"$own/kube-proxy.yaml" <<EOF
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
hostnameOverride: $name
clientConnection: {kubeconfig: $own/kube-proxy.kubeconfig}
clusterCIDR: $all_pods
bindAddress: 127.0.0.1
healthzBindAddress: 127.0.0.1:20256
metricsBindAddress: 127.0.0.1:20249
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
oomScoreAdj: 0
EOF
}

# Containers continue after their containerd has ended, because each has a shim of its own.
clean() {
    for shim in $(pgrep -f "containerd-shim-runc-v2 .*$folder/"); do
        pkill -KILL -P "$shim"
        kill -KILL "$shim"
    done
    for mount in $(awk -v folder="$folder/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | sort -r); do
        umount -l "$mount"
    done
    for port in $(ip -o link show master "$bridge" | sed 's/^[0-9]*: \([^@:]*\).*/\1/'); do
        ip link delete "$port"
    done
    ip link delete "$bridge"
    for namespace in $(ip netns list | awk -v own="^($prefix|cni)-" '$1 ~ own { print $1 }'); do
        ip netns delete "$namespace"
    done
    while read -r setting value; do
        echo "$value" >"/proc/sys/$setting"
    done <"$folder/settings"
    for tree in /sys/fs/cgroup/*/"$prefix"-* /sys/fs/cgroup/"$prefix"-*; do
        [ ! -d "$tree" ] || find "$tree" -depth -type d -exec rmdir {} +
    done
    rm -rf "$folder"
}

case $action in
prepare) prepare "$4" ;;
node) shift 3; node "$@" ;;
clean) clean 2>/dev/null ;;
esac
