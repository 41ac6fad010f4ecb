// Package respite keeps what is done again and again to a part of the time: however long it takes, what it
// takes that long for grows, and whoever asks for it asks no less often.
package respite

import "time"

// times is how many times as long as a thing took it is not done again: it then takes a twentieth of a
// processor.
const times = 20

// Respite is how long a thing is not done again. Its zero value is none. It is not safe for use by several
// goroutines.
type Respite struct{ until time.Time }

// Left is how long it still is at a time; zero and less is none.
func (r Respite) Left(now time.Time) time.Duration { return r.until.Sub(now) }

// Earned is the one that follows what took from begun until ended. What takes next to no time has none.
func Earned(begun, ended time.Time) Respite {
	took := ended.Sub(begun)
	if took < time.Millisecond {
		return Respite{}
	}
	return Respite{ended.Add(times * took)}
}
