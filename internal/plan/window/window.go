package window

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Window is a freeze window, known to be right. Its zero value is never open.
type Window struct {
	from, to   time.Time // of a window between two dates
	start, end moment
	weekly     bool
	zone       *time.Location
	text       string
}

// moment is a time of the week.
type moment struct {
	day          time.Weekday
	hour, minute int
}

// String names the window as its plan does.
func (w Window) String() string { return w.text }

// Parse checks a window of a plan, path being where it stands.
func Parse(f v1alpha1.FreezeWindow, path *field.Path) (Window, field.ErrorList) {
	dates, weekly := f.From != nil || f.To != nil, f.Start != "" || f.End != ""
	switch {
	case dates == weekly:
		return Window{}, field.ErrorList{field.Required(path, "needs start and end (every week), or from and to (dates)")}
	case dates:
		return parseDates(f, path)
	}
	return parseWeekly(f, path)
}

func parseDates(f v1alpha1.FreezeWindow, path *field.Path) (Window, field.ErrorList) {
	switch {
	case f.From == nil:
		return Window{}, field.ErrorList{field.Required(path.Child("from"), "a window that has to has from too")}
	case f.To == nil:
		return Window{}, field.ErrorList{field.Required(path.Child("to"), "a window that has from has to too")}
	case !f.From.Before(f.To):
		return Window{}, field.ErrorList{field.Invalid(path.Child("to"), f.To.UTC().Format(time.RFC3339), "must come after from")}
	}
	w := Window{from: f.From.Time, to: f.To.Time}
	w.text = w.from.UTC().Format(time.RFC3339) + " to " + w.to.UTC().Format(time.RFC3339)
	return w, nil
}

func parseWeekly(f v1alpha1.FreezeWindow, path *field.Path) (Window, field.ErrorList) {
	var errs field.ErrorList
	w := Window{weekly: true, text: fmt.Sprintf("%s to %s %s", f.Start, f.End, f.TimeZone)}
	parse := func(text, name string) moment {
		m, err := parseMoment(text)
		if err != nil {
			errs = append(errs, field.Invalid(path.Child(name), text, err.Error()))
		}
		return m
	}
	w.start, w.end = parse(f.Start, "start"), parse(f.End, "end")
	if len(errs) == 0 && w.start == w.end {
		errs = append(errs, field.Invalid(path.Child("end"), f.End, "must differ from start"))
	}
	zone, err := zoneOf(f.TimeZone)
	if err != nil {
		errs = append(errs, field.Invalid(path.Child("timeZone"), f.TimeZone, err.Error()))
	}
	w.zone = zone
	return w, errs
}

// zoneOf looks a time zone up. "Local" is refused: it is another one wherever
// the evaluator runs.
func zoneOf(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || zone == time.Local {
		return nil, fmt.Errorf(`is no time zone of the IANA database, such as "Europe/Berlin"`)
	}
	return zone, nil
}

var days = map[string]time.Weekday{
	"Sun": time.Sunday, "Mon": time.Monday, "Tue": time.Tuesday, "Wed": time.Wednesday,
	"Thu": time.Thursday, "Fri": time.Friday, "Sat": time.Saturday,
}

func parseMoment(text string) (moment, error) {
	const layout = "15:04"
	if len(text) == len("Mon 15:04") && text[3] == ' ' {
		day, known := days[text[:3]]
		at, err := time.Parse(layout, text[4:])
		if known && err == nil {
			return moment{day, at.Hour(), at.Minute()}, nil
		}
	}
	return moment{}, fmt.Errorf(`must be a day and a time, such as "Fri 16:00"`)
}
