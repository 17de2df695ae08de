package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTableLinesUp(t *testing.T) {
	peers := table{title: "Peers", header: []string{"client", "ratio"}, notes: []string{"Lower is better."}}
	peers.add("ours", "0.70")
	peers.add("their own", "1.00 (0.9–1.1)")

	var text, markdown strings.Builder
	peers.write(&text, false)
	peers.write(&markdown, true)

	assert.Equal(t, "\nPeers\n"+
		"client     ratio\n"+
		"---------  --------------\n"+
		"ours       0.70\n"+
		"their own  1.00 (0.9–1.1)\n"+
		"\nLower is better.\n", text.String())
	assert.Equal(t, "\n### Peers\n\n"+
		"| client    | ratio          |\n"+
		"| --------- | -------------- |\n"+
		"| ours      | 0.70           |\n"+
		"| their own | 1.00 (0.9–1.1) |\n"+
		"\nLower is better.\n", markdown.String())
}
