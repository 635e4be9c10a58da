package remote

// help fits a terminal of 24 lines and 80 columns, with the prompt below.
const help = `usage: conch [options] [user@]host [command ...]     or ssh://user@host:port
  -l, --user NAME    login name           -p, --port PORT
  -i, --identity F   private key file     -J HOST[,HOST]   jump hosts
  -F FILE            instead of ~/.ssh/config; none: no file
  -o, --option K=V   a line of ssh_config -4 -6            IPv4 or IPv6 only
  -t, --tty   terminal for the command (-tt: without one here)  -T, --notty
  -s, --subsystem    the command is the name of a subsystem
  -N, --noshell      no command           -n, --null       no input
  -f, --fork         to the background after the login
  -L, --localforward [ADDR:]PORT:HOST:PORT   listen here, connect there
  -R, --remoteforward [ADDR:]PORT[:HOST:PORT]   the reverse; alone: a proxy
  -D [ADDR:]PORT     SOCKS proxy here     -g  listen for other machines too
  -W HOST:PORT       connect the standard streams to an address there
  -A, --agent  -a    forward the agent or not     --noagent  do not use it
  -e, --escape CHAR  ~ by default; ^X or none     -b ADDR    local address
  -r, --reconnect    connect again when the connection is lost
  -c, --ciphers L  -m, --macs L  --host-key-algorithms L   names with commas
  --known-hosts F  --user-authentications L  -C, --compress  -x, --nox11
  -v, --log          debug messages       -q  no messages
  -E, --logfile F    messages to a file   -V, --version    -h, --help
Type ~? in a session for its escapes. Status: the command's; 255 for errors.
`
