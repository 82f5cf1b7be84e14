# Runs a server, and ends it when nobody uses it any more. POSIX sh.
# Arguments: folder of the instance, folder of its data, signal, seconds of grace, command of the server.
# A file in users/ is the id of a process that uses the server; `keep` stands for a person.
instance=$1 data=$2 signal=$3 grace=$4
shift 4
"$@" &
server=$!
# While one of these lives, the instance is nobody's leftover.
echo $$ "$server" >"$instance/processes"
idle=0
while kill -0 "$server" 2>/dev/null && [ ! -e "$instance/stop" ]; do
    idle=$((idle + 1))
    for user in "$instance"/users/*; do
        process=${user##*/}
        if [ "$process" = keep ] || kill -0 "$process" 2>/dev/null; then
            idle=0
        else
            rm -f "$user"
        fi
    done
    if [ "$idle" -gt "$grace" ]; then
        # Without its state nobody finds the instance; whoever came in just before is seen in the next round.
        [ -e "$instance/state" ] || break
        rm -f "$instance/state"
    fi
    sleep 1
done
rm -f "$instance/state"
if ! kill -0 "$server" 2>/dev/null; then
    # It ended by itself: its log is left for whoever asks why.
    rm -rf "$data"
    exit 1
fi
kill -"$signal" "$server"
patience=10
while kill -0 "$server" 2>/dev/null && [ "$patience" -gt 0 ]; do
    patience=$((patience - 1))
    sleep 1
done
kill -KILL "$server" 2>/dev/null
wait "$server"
rm -rf "$data" "$instance"
