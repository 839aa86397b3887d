/* One way of listing for all that is set up. Rows write both forms; the one not asked for is dropped, since lists are
 * short. */
#include "cli/listing.h"

int listing_run(const struct cli_args *args, const struct listing_kind *kind) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  struct listing l = {.args = args, .store = &s, .table = term_table_new(cli_ctx(args), kind->headings)};
  output_begin(&l.out, cli_ctx(args));
  jw_object(&l.out.w);
  jw_key(&l.out.w, "items");
  jw_array(&l.out.w);
  kind->rows(&l);
  jw_array_end(&l.out.w);
  jw_object_end(&l.out.w);
  if (cli_json(args))
    code = output_end(&l.out);
  else
    term_table_print(l.table, stdout, kind->none);
  cli_store_end(&s);
  return code;
}
