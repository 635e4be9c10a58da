// Package insults serves terminals.
package insults
