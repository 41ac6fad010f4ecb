package probe

import (
	"fmt"
	"strconv"
	"strings"
)

// Detour is a number at which nobody listens, from which connections come to the application past the probe.
type Detour struct{ From, Target int32 }

// String is the detour as ParseDetour reads it.
func (d Detour) String() string { return fmt.Sprintf("%d:%d", d.From, d.Target) }

// ParseDetour reads FROM:TARGET, such as "15102:8080".
func ParseDetour(text string) (Detour, error) {
	from, target, two := strings.Cut(text, ":")
	var d Detour
	for _, n := range []struct {
		text string
		to   *int32
	}{{from, &d.From}, {target, &d.Target}} {
		v, err := strconv.ParseUint(n.text, 10, 16)
		if err != nil || v == 0 || !two {
			return Detour{}, fmt.Errorf("%q is no detour; write FROM:TARGET, two ports such as 15102:8080", text)
		}
		*n.to = int32(v)
	}
	return d, nil
}
