import { type Product, productOf } from '../kernel/product'
import { interactions } from './interactions'
import { streaming } from './streaming'
import { arrive, userProfile } from './user-profile'

/** The table of contents: what the product does. */
export const product: Product = productOf([userProfile, streaming, interactions], arrive)
