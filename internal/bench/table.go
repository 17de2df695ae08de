package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is printed for a terminal or as Markdown.
type table struct {
	title  string
	header []string
	rows   [][]string
	notes  []string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer, markdown bool) {
	if markdown {
		fmt.Fprintf(w, "\n### %s\n\n", t.title)
	} else {
		fmt.Fprintf(w, "\n%s\n", t.title)
	}
	widths := t.widths()
	t.writeRow(w, t.header, widths, markdown)
	rule := make([]string, len(t.header))
	for column := range rule {
		rule[column] = strings.Repeat("-", widths[column])
	}
	t.writeRow(w, rule, widths, markdown)
	for _, row := range t.rows {
		t.writeRow(w, row, widths, markdown)
	}
	for _, note := range t.notes {
		fmt.Fprintf(w, "\n%s\n", note)
	}
}

func (t *table) widths() []int {
	widths := make([]int, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for column, cell := range row {
			widths[column] = max(widths[column], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

func (t *table) writeRow(w io.Writer, cells []string, widths []int, markdown bool) {
	padded := make([]string, len(cells))
	for column, cell := range cells {
		padded[column] = cell + strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell))
	}
	if markdown {
		fmt.Fprintf(w, "| %s |\n", strings.Join(padded, " | "))
		return
	}
	fmt.Fprintln(w, strings.TrimRight(strings.Join(padded, "  "), " "))
}
