package window

import "time"

// Open says whether one of the windows is open, which, and until when. Windows
// that follow on one another without a gap are one: until is when a release may
// come again, or as far as a year of them was looked through.
func Open(windows []Window, now time.Time) (until time.Time, first Window, open bool) {
	at := now
	for at.Before(now.AddDate(1, 0, 0)) {
		next := at
		for _, w := range windows {
			if end, is := w.open(at); is && end.After(next) {
				next = end
				if !open {
					first, open = w, true
				}
			}
		}
		if next.Equal(at) {
			break
		}
		at = next
	}
	return at, first, open
}

// open says whether the window is open at a time and, if it is, until when. The
// start belongs to the window, the end does not.
func (w Window) open(at time.Time) (time.Time, bool) {
	if !w.weekly {
		return w.to, !at.Before(w.from) && at.Before(w.to)
	}
	for _, week := range []int{0, -1} {
		start := w.start.near(at.In(w.zone), week)
		end := w.end.after(start)
		if !at.Before(start) && at.Before(end) {
			return end, true
		}
	}
	return time.Time{}, false
}

// near is the moment in the week of a time, counted from Sunday, or so many
// weeks later. Where clocks are set forward past it, it is as much later.
func (m moment) near(at time.Time, weeks int) time.Time {
	day := at.Day() + int(m.day) - int(at.Weekday()) + 7*weeks
	return time.Date(at.Year(), at.Month(), day, m.hour, m.minute, 0, 0, at.Location())
}

// after is the first such moment after a time.
func (m moment) after(at time.Time) time.Time {
	for week := 0; ; week++ {
		if end := m.near(at, week); end.After(at) {
			return end
		}
	}
}
