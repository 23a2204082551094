// Decodes bodies of POST /containers/create as an engine does, with Go's own encoding/json and the shape of the
// engine's types (before version 23, the keys of HostConfig are also taken from the top).
//
// Reads one body a line, in hexadecimal; answers one line each: what the engine would do, as JSON, or `error`.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	list := make([]string, 0, 1)
	if err := json.Unmarshal(b, &list); err != nil {
		var one string
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		list = append(list, one)
	}
	*w = list
	return nil
}

type config struct {
	User       string
	Image      string
	Entrypoint words
	Cmd        words
	Env        []string
	Labels     map[string]string
	Volumes    map[string]struct{}
}

type mount struct {
	Type          string `json:",omitempty"`
	Source        string `json:",omitempty"`
	Target        string `json:",omitempty"`
	VolumeOptions *struct {
		DriverConfig *struct {
			Name    string            `json:",omitempty"`
			Options map[string]string `json:",omitempty"`
		} `json:",omitempty"`
	} `json:",omitempty"`
}

type resources struct {
	CgroupParent string
	Devices      []struct{ PathOnHost string }
	OomScoreAdj  int
}

type hostConfig struct {
	Binds         []string
	NetworkMode   string
	VolumesFrom   []string
	CapAdd        words
	IpcMode       string
	PidMode       string
	Privileged    bool
	SecurityOpt   []string
	UTSMode       string
	UsernsMode    string
	CgroupnsMode  string
	Sysctls       map[string]string `json:",omitempty"`
	Runtime       string            `json:",omitempty"`
	Mounts        []mount           `json:",omitempty"`
	MaskedPaths   []string
	ReadonlyPaths []string
	resources
}

type newBody struct {
	*config
	HostConfig *hostConfig `json:",omitempty"`
}

type oldBody struct {
	*config
	Inner  *hostConfig `json:"HostConfig,omitempty"`
	Cpuset string      `json:",omitempty"`
	*hostConfig
}

type effective struct {
	Config config
	Host   hostConfig
	// Whether the lists of hidden and read-only paths are given, even empty.
	Lists bool
}

func decode(body []byte, old bool) (*effective, error) {
	var c config
	var h *hostConfig
	if old {
		w := oldBody{config: &c, hostConfig: &hostConfig{}}
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&w); err != nil {
			return nil, err
		}
		h = w.Inner
		if h == nil {
			h = w.hostConfig
		}
	} else {
		w := newBody{config: &c}
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&w); err != nil {
			return nil, err
		}
		h = w.HostConfig
		if h == nil {
			h = &hostConfig{}
		}
	}
	return &effective{c, *h, h.MaskedPaths != nil || h.ReadonlyPaths != nil}, nil
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 16<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		body, err := hex.DecodeString(in.Text())
		if err != nil {
			panic(err)
		}
		for _, old := range []bool{true, false} {
			what, err := decode(body, old)
			if err != nil {
				fmt.Fprintln(out, "error")
				continue
			}
			line, err := json.Marshal(what)
			if err != nil {
				panic(err)
			}
			fmt.Fprintln(out, string(line))
		}
	}
}
