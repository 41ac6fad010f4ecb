package trap

import (
	"math"
)

func (p possible) constant() bool { return p.low == p.high && !math.IsInf(p.low, 0) }

// times scales, and shares become percents as seconds become milliseconds.
func (p possible) times(by float64) possible {
	if by == 0 {
		return between(0, 0)
	}
	out := possible{low: p.low*by + 0, high: p.high*by + 0, tone: p.tone} // no -0
	if by < 0 {
		out.low, out.high, out.tone = out.high, out.low, p.tone.turned()
	}
	switch {
	case by < 0:
	case p.second() > 0:
		out.unit, out.scale = timed, p.second()*by
		for unit, of := range map[unit]float64{seconds: 1, milliseconds: 1000} {
			if nearlyEqual(out.scale, of) {
				out.unit, out.scale = unit, 0
			}
		}
	case p.unit == memory, p.unit == stored, p.unit == cpus:
		out.unit, out.scale = p.unit, p.scale*by
	}
	if all := p.all() * by; all > 0 {
		out.unit, out.scale = scaled, all
		for unit, of := range map[unit]float64{shares: 1, percents: 100} {
			if nearlyEqual(all, of) {
				out.unit, out.scale = unit, 0
			}
		}
	}
	if by == 1 {
		out.unit, out.scale = p.unit, p.scale
	}
	return out
}

// or is what is either of them. A constant on one side says nothing about the unit.
func (p possible) or(other possible) possible {
	out := possible{low: min(p.low, other.low), high: max(p.high, other.high)}
	switch {
	case p.unit == other.unit && p.scale == other.scale && p.tone == other.tone, other.constant():
		out.unit, out.scale, out.tone = p.unit, p.scale, p.tone
	case p.constant():
		out.unit, out.scale, out.tone = other.unit, other.scale, other.tone
	}
	return out
}

// minus: what is left of all is a share as well, of the others.
func (p possible) minus(other possible) possible {
	out := possible{low: p.low - other.high, high: p.high - other.low}
	if all := other.all(); p.constant() && all > 0 && nearlyEqual(p.low, all) {
		out.unit, out.scale, out.tone = other.unit, other.scale, other.tone.turned()
	}
	return out
}

// plus: two shares of the same kind are one together.
func (p possible) plus(other possible) possible {
	out := possible{low: p.low + other.low, high: p.high + other.high}
	if p.unit == other.unit && p.scale == other.scale && p.tone == other.tone {
		out.unit, out.scale, out.tone = p.unit, p.scale, p.tone
	}
	return out
}
