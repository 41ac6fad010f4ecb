package intent

import (
	"encoding/json"
	"fmt"
	"testing"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
)

// BenchmarkDesire finds out what a request asks for while a template of several
// sizes is held.
func BenchmarkDesire(b *testing.B) {
	for _, kib := range []int{2, 30, 200} {
		env, owned := "", ""
		for i := range kib * 8 { // some 128 bytes each
			env += fmt.Sprintf(`,{"name":"VARIABLE_%04d","value":"a value of some length, as applications have them, number %06d; and so on"}`, i, i)
			owned += fmt.Sprintf(`,"k:{\"name\":\"VARIABLE_%04d\"}":{".":{},"f:name":{},"f:value":{}}`, i)
		}
		of := func(image string) hold.Template {
			var t hold.Template
			if err := json.Unmarshal(fmt.Appendf(nil, `{"spec":{"containers":[{"name":"app","image":%q,"env":[%s]}]}}`, image, env[1:]), &t); err != nil {
				b.Fatal(err)
			}
			return t
		}
		fields := fields(b, fmt.Sprintf(`{".":{},"f:name":{},"f:image":{},"f:env":{%s}}`, owned[1:]))
		owners := []hold.Owner{{Manager: "m", Operation: "Apply", APIVersion: "apps/v1", Fields: fields}}
		v1, v2, v3 := of("v1"), of("v2"), of("v3")
		for _, way := range []Method{ServerSideApply, ClientSideApply, Patch} {
			r := Request{
				Stable: replay.Owned{Template: v1, Owners: owners},
				Asked:  replay.Owned{Template: v3, Owners: owners},
				Held:   &Held{Owned: replay.Owned{Template: v2, Owners: owners}, LastApplied: v2},
				Writer: Writer{Method: way, By: replay.By{Manager: "m", APIVersion: "apps/v1"}, Fields: fields, LastApplied: v3},
			}
			b.Run(fmt.Sprintf("%s/%dKiB", way, kib), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Desire(r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkDesireOfOthers does so where all elements of a list are others than those
// that are held. What is merged here is refused beyond maxElements.
func BenchmarkDesireOfOthers(b *testing.B) {
	for _, n := range []int{100, 700, 3000} {
		for _, way := range []Method{ServerSideApply, ClientSideApply, Manifest, Patch} {
			r := variables(b, n, way)
			b.Run(fmt.Sprintf("%s/%d", way, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Desire(r); err != nil && n < maxElements/2 {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
