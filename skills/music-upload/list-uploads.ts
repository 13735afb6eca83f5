import { Op } from 'sequelize'
import { operation } from '../../kernel/pipeline/operation'
import { toPage, pageOf, pageSize, pagingFields, parseCursor } from '../../kernel/pipeline/paging'
import { shape } from '../../kernel/pipeline/schema'
import { Upload } from '../../models'
import { uploadView, viewUpload } from './views'

export const listUploads = operation({
  name: 'music-upload.listUploads',
  route: 'GET /uploads',
  summary: 'List your uploads',
  description: 'Newest first.',
  auth: 'signed-in',
  input: shape({ ...pagingFields }),
  output: pageOf(uploadView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async input => ({ cursor: parseCursor(input, 1) }),

  allow: () => true,

  async run({ input, subject: { cursor }, actor }) {
    // Ids sort by creation time.
    const after = cursor === undefined ? {} : { id: { [Op.lt]: String(cursor[0]) } }
    const rows = await Upload.findAll({
      where: { ownerId: actor.id, ...after },
      order: [['id', 'DESC']],
      limit: pageSize(input) + 1,
    })
    return toPage(rows, pageSize(input), ({ id }) => [id]).map(viewUpload)
  },
})
