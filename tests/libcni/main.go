// A container runtime's side of CNI, as the library libcni has it: one call, named by the first argument.
//
// What the call gave is printed as JSON. An error is printed as a CNI error (with its code; 0 where libcni
// itself has refused), and the status is 1.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
)

var (
	conf   = flag.String("conf", "", "the network's configuration list")
	bin    = flag.String("bin", "", "where plugins are")
	cache  = flag.String("cache", "", "where libcni remembers what it attached")
	id     = flag.String("id", "", "the container")
	netns  = flag.String("netns", "", "its network namespace")
	ifname = flag.String("ifname", "eth0", "its interface")
	ips    = flag.String("ips", "", "addresses that are asked for, with commas between")
	mac    = flag.String("mac", "", "the MAC address that is asked for")
	valid  = flag.String("valid", "", "for gc: CONTAINER/INTERFACE,… that stay; -: say nothing of any")
)

func main() {
	command := os.Args[1]
	if err := flag.CommandLine.Parse(os.Args[2:]); err != nil {
		os.Exit(2)
	}
	answer, err := call(context.Background(), command)
	if err != nil {
		told := &types.Error{}
		if !errors.As(err, &told) {
			told = &types.Error{Msg: err.Error()}
		}
		show(told)
		os.Exit(1)
	}
	show(answer)
}

func call(ctx context.Context, command string) (any, error) {
	list, err := libcni.NetworkConfFromFile(*conf)
	if err != nil {
		return nil, err
	}
	cni := libcni.NewCNIConfigWithCacheDir([]string{*bin}, *cache, nil)
	container := &libcni.RuntimeConf{
		ContainerID:    *id,
		NetNS:          *netns,
		IfName:         *ifname,
		CapabilityArgs: map[string]any{},
	}
	if *ips != "" {
		container.CapabilityArgs["ips"] = strings.Split(*ips, ",")
	}
	if *mac != "" {
		container.CapabilityArgs["mac"] = *mac
	}
	switch command {
	case "add":
		return cni.AddNetworkList(ctx, list, container)
	case "check":
		return nil, cni.CheckNetworkList(ctx, list, container)
	case "del":
		return nil, cni.DelNetworkList(ctx, list, container)
	case "cached":
		return cni.GetNetworkListCachedResult(list, container)
	case "gc":
		return nil, cni.GCNetworkList(ctx, list, attachments())
	case "status":
		return nil, cni.GetStatusNetworkList(ctx, list)
	case "version":
		info, err := cni.GetVersionInfo(ctx, list.Plugins[0].Network.Type)
		if err != nil {
			return nil, err
		}
		return info.SupportedVersions(), nil
	}
	return nil, fmt.Errorf("there is no call %q", command)
}

func attachments() *libcni.GCArgs {
	if *valid == "-" {
		return nil
	}
	args := &libcni.GCArgs{} // an empty list is nil, as with any runtime that appends to one
	for _, each := range strings.FieldsFunc(*valid, func(r rune) bool { return r == ',' }) {
		container, name, _ := strings.Cut(each, "/")
		args.ValidAttachments = append(args.ValidAttachments, types.GCAttachment{ContainerID: container, IfName: name})
	}
	return args
}

func show(what any) {
	if err := json.NewEncoder(os.Stdout).Encode(what); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
