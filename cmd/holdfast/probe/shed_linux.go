package probe

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
)

// shed gives back what is not needed now. The program is all of Holdfast, and much of that is touched when it
// starts and never again by the probe; its pages come back from the file when they are needed. A fifth of the
// memory remains.
func shed() error {
	debug.SetGCPercent(50) // there is little to collect, and memory is what a sidecar is asked about
	debug.FreeOSMemory()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uintptr
		var rights string
		line := lines.Text()
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); err != nil {
			return fmt.Errorf("read %q: %w", line, err)
		}
		if !strings.HasSuffix(line, program) || strings.Contains(rights, "w") { // what was written is nowhere else
			continue
		}
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("madvise: %w", errno)
		}
	}
	return nil
}
