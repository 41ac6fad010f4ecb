// Package window knows times in which nothing is released: windows that come
// back every week, in a time zone, and windows between two dates.
//
// The package is pure but for names of time zones, which it looks up in the
// database that Go finds; the command carries a copy of it.
package window
