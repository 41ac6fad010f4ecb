package trap

// tone is whether great values are good news.
type tone int

const (
	unknownTone tone = iota
	// wanted values are to be great, as shares of successes are.
	wanted
	// unwanted ones are to be small, as shares of failures and durations are.
	unwanted
)

func (t tone) String() string {
	return map[tone]string{wanted: "great", unwanted: "small"}[t]
}

func (t tone) turned() tone {
	switch t {
	case wanted:
		return unwanted
	case unwanted:
		return wanted
	}
	return unknownTone
}
