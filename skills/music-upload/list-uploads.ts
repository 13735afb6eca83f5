import { Op } from 'sequelize'
import { operation } from '../../kernel/operation'
import { pageFrom, pageOf, pageSize, paging, readCursor } from '../../kernel/paging'
import { shape } from '../../kernel/schema'
import { Upload } from '../../models'
import { uploadView, viewUpload } from './views'

export const listUploads = operation({
  name: 'music-upload.listUploads',
  route: 'GET /uploads',
  summary: 'List your uploads',
  description: 'Newest first.',
  who: 'signed-in',
  input: shape({ ...paging }),
  output: pageOf(uploadView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async input => ({ cursor: readCursor(input, 1) }),

  allow: () => true,

  async run({ input, subject: { cursor }, actor }) {
    // Ids sort by creation time.
    const after = cursor === undefined ? {} : { id: { [Op.lt]: String(cursor[0]) } }
    const rows = await Upload.findAll({
      where: { ownerId: actor.id, ...after },
      order: [['id', 'DESC']],
      limit: pageSize(input) + 1,
    })
    return pageFrom(rows, pageSize(input), ({ id }) => [id], viewUpload)
  },
})
