module bench/sloth

go 1.26.0

require github.com/slok/sloth v0.16.0
