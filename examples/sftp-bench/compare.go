package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// check returns an error for an unknown job or contestant.
func (p plan) check() error {
	for _, name := range p.only {
		if !slices.ContainsFunc(contestants, func(c contestant) bool { return c.name == name }) {
			return fmt.Errorf("no contestant %q", name)
		}
	}
	for _, job := range slices.Concat(p.jobs, p.delayedJobs) {
		if hawserJobs[job] == nil {
			return fmt.Errorf("no job %q", job)
		}
	}
	return nil
}

// run measures everything and prints a table.
func (p plan) run(s setup) error {
	if err := p.check(); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%-7s %-9s %-17s %10s %14s %10s %10s\n", "delay", "job", "client", "seconds", "rate", "CPU s", "of hawser's")
	for _, delay := range p.delays {
		ms, err := strconv.Atoi(delay)
		if err != nil {
			return err
		}
		if err := p.runAt(s, time.Duration(ms)*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (p plan) runAt(s setup, delay time.Duration) error {
	local, err := os.MkdirTemp(s.local, "sftp-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(local)
	s.local = local
	jobs := p.jobs
	if delay > 0 {
		jobs, s.size = p.delayedJobs, p.delayedSize
	}
	if err := s.prepare(jobs); err != nil {
		return err
	}
	if delay > 0 {
		proxy, err := startProxy(s.target, delay)
		if err != nil {
			return err
		}
		defer proxy.close()
		_, address, _ := strings.Cut(s.target, "@")
		s.host, s.target = cmp.Or(s.host, address), proxy.through(s.target)
	}
	for _, job := range jobs {
		p.compare(s, job, delay)
	}
	return nil
}

// result is one measurement: its time, or its memory.
type result struct{ seconds, cpu, bytes float64 }

// size returns the figure to compare: the memory if it was measured, otherwise
// the time.
func (r result) size() float64 { return cmp.Or(r.bytes, r.seconds) }

// compare measures all contestants in turn, p.runs times each, and prints the
// medians. After a failure it does not measure that contestant again.
func (p plan) compare(s setup, job string, delay time.Duration) {
	var names []string
	for _, c := range contestants {
		if c.jobs[job] != nil && (len(p.only) == 0 || slices.Contains(p.only, c.name)) {
			names = append(names, c.name)
		}
	}
	results, failed := make(map[string][]result), make(map[string]error)
	for range p.runs {
		for _, name := range names {
			if failed[name] != nil {
				continue
			}
			var r result
			r, failed[name] = s.runChild(name + "/" + job)
			results[name] = append(results[name], r)
		}
	}
	for _, name := range names {
		if failed[name] != nil {
			fmt.Fprintf(p.out, "%-7v %-9s %-17s failed: %v\n", delay, job, name, failed[name])
			continue
		}
		m := median(results[name])
		fmt.Fprintf(p.out, "%-7v %-9s %-17s %10s %14s %10s", delay, job, name, number(m.seconds, 3), s.rate(job, m), number(m.cpu, 2))
		if hawser := median(results["hawser"]); hawser.size() > 0 {
			fmt.Fprintf(p.out, " %9.2f×", m.size()/hawser.size())
		}
		fmt.Fprintln(p.out)
	}
}

// number formats a number. It returns "" for 0.
func number(v float64, digits int) string {
	if v == 0 {
		return ""
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

func median(all []result) result {
	if len(all) == 0 {
		return result{}
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b result) int { return cmp.Compare(a.size(), b.size()) })
	return all[len(all)/2]
}

// rate formats the main figure of a job's result.
func (s *setup) rate(job string, r result) string {
	switch job {
	case "get", "put", "getagain", "putagain", "copy", "copyup":
		return fmt.Sprintf("%.0f MB/s", float64(s.size)/1e6/r.seconds)
	case "stat", "stat1", "statmany":
		return fmt.Sprintf("%.0f/s", float64(s.stats)/r.seconds)
	case "memory64":
		return fmt.Sprintf("%.0f MiB", r.bytes/(1<<20))
	case "idle":
		return fmt.Sprintf("%.1f KiB each", r.bytes/1024)
	default:
		return fmt.Sprintf("%.0f files/s", float64(s.files)/r.seconds)
	}
}
