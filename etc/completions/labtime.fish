# fish completion for labtime
function __labtime_complete
	set -l words (commandline -opc) (commandline -ct)
	timeout 1 labtime __complete -- $words[2..-1] 2>/dev/null
end
complete -c labtime -f -a '(__labtime_complete)'
