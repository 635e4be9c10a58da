// Package getopt reads command lines as getopt_long does: letters may be
// joined (-lf FILE), a value may stand in the same argument (-fFILE), long names
// may be shortened and take a value after "=" or in the next argument.
//
// A [Table] has the options, and says whether options may follow operands.
// [Table.Parse] returns a [Line]: the options in their order, a repeated option
// as often as it was given, and the operands.
package getopt
