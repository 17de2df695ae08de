// Package browser holds the test of the program onbehalf in a real browser.
package browser
