// Package browser tests the pages of the programs onbehalf and emulator in a real
// browser.
package browser
