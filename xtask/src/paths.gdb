# Counts instructions from the entry of a function to its return, all that it calls included.
# `cargo xtask paths` puts the function, and how many of its calls are counted, behind this.

set pagination off
set confirm off
set height 0
# How the kernel is interrupted, and how its processors and processes come by their faults.
handle SIGSEGV SIGBUS SIGUSR1 SIGUSR2 SIGIO SIGWINCH SIGVTALRM SIGCHLD SIGALRM nostop noprint pass

# The function has just been entered: the return address is the last on the stack.
define count_calls
  set $call = 0
  while $call < $calls
    if $call > 0
      continue
    end
    # Or the way through an interrupt would be counted as well.
    handle SIGALRM nostop noprint nopass
    set $top = $sp
    set $steps = 0
    while $sp <= $top
      stepi
      set $steps = $steps + 1
    end
    handle SIGALRM nostop noprint pass
    printf "\npath: %d\n", $steps
    set $call = $call + 1
  end
end
