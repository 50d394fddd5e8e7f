/* What words may ask of the cell that runs. */
#include "interp_private.h"

pb_keeper *pb_interp_keeper(pb_interp *interp)
{
    return interp ? &interp->keeper : NULL;
}

const pb_watch *pb_interp_watch(const pb_interp *interp)
{
    return &interp->keeper.watch;
}

pb_status pb_interp_check(pb_interp *interp, pb_error **error)
{
    return pb_keeper_check(pb_interp_keeper(interp), error);
}

void pb_interp_resume(pb_interp *interp)
{
    interp->above->resume(interp->host);
}

void pb_interp_bury(pb_interp *interp, pb_value **value)
{
    pb_keeper_bury(pb_interp_keeper(interp), value);
}

pb_session *pb_call_session(const pb_call *call)
{
    return call->interp->session;
}

const pb_lexicon *pb_call_lexicon(const pb_call *call)
{
    return call->interp->lexicon;
}

const pb_host *pb_call_host(const pb_call *call)
{
    return call->interp->host;
}

const pb_watch *pb_call_watch(const pb_call *call)
{
    return pb_interp_watch(call->interp);
}

pb_status pb_call_word(const pb_call *call, const char *name, pb_value **result, pb_error **error)
{
    const pb_builtin *row = pb_lexicon_builtin(call->interp->lexicon, name);
    *result = NULL;
    return row ? pb_value_builtin(row, row->name, result, error)
               : pb_fail(error, PB_NAME, "there is no word '%s' here", name);
}
