package recvline

import (
	"strings"

	"github.com/hawser-go/hawser/conch/insults"
)

// cluster is a part of a line that users see as one character.
type cluster struct {
	text  string
	cells int

	// odd clusters are those that terminals may show in another width than we
	// count: joined emoji, variation selectors, marks without a letter.
	odd bool
}

// split splits text into clusters.
func split(s string) []cluster {
	parts := insults.Clusters(s)
	clusters := make([]cluster, len(parts))
	for i, part := range parts {
		clusters[i] = cluster{part, insults.ClusterCells(part), isOdd(part)}
	}
	return clusters
}

// text returns the text of clusters.
func text(clusters []cluster) string {
	var b strings.Builder
	b.Grow(len(clusters))
	for _, c := range clusters {
		b.WriteString(c.text)
	}
	return b.String()
}

func isOdd(part string) bool {
	if len(part) == 1 {
		return false
	}
	sum := 0
	for _, r := range part {
		if r == 0x200d || 0xfe00 <= r && r <= 0xfe0f {
			return true
		}
		sum += insults.ClusterCells(string(r))
	}
	return sum == 0 || sum != insults.ClusterCells(part)
}
