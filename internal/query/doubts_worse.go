package query

// lax is the half of all, which goes wrong where hardly anybody means it.
const lax = 0.5
