package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// key names the cache folder of a module's tools: it changes with any pin or source, with the
// compiler, and with the way of building, so that what is in the folder never has to be checked
// again.
func key(compiler string, flags []string, files ...[]byte) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%q\n", compiler, flags)
	for _, content := range files {
		fmt.Fprintf(sum, "%d\n", len(content))
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}
