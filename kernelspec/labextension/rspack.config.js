// Numbers that do not depend on the folder it is built in: the same source gives the same bytes.
module.exports = { optimization: { moduleIds: 'natural', chunkIds: 'natural' } };
