import { Op, type WhereOptions } from 'sequelize'
import { type Picture } from '../../models'
import { type PictureState } from '../../models/picture'
import { replacedFilesLifeMs } from './rules'

/** Condition on pictures: in one of these states, or replaced so recently that its files still exist. */
export const stillServed = (states: readonly PictureState[], now: Date) =>
  ({
    [Op.or]: [
      { state: [...states] },
      { state: 'replaced', replacedAt: { [Op.gt]: new Date(now.getTime() - replacedFilesLifeMs) } },
    ],
  }) satisfies WhereOptions<Picture>
